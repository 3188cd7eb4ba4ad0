"""Read a whole number: decode the picture, find its ink, part it into digits, ask the model.

Reading order: `pictures`, `ink`, `marks`, `signs`, `segments`, `read`.
"""
