# shell: owned by its room
