"""The command `inkwell`: one word for each program of the project."""
