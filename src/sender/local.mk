# sender: owned by its room
