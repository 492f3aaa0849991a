# store: owned by its room
