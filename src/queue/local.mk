# queue: owned by its room
