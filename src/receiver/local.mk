# receiver: owned by its room
