# admin: owned by its room
