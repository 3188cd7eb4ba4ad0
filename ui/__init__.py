"""The page: draw a digit, see the model's answer live. No TensorFlow.

`answers`: what a drawing is, what the model server is asked about it, and what it said.
`markup`: the answer as HTML and as code.
`web`: what stands between a browser and Gradio: socket, names, allow-list, sessions, document.
`pad`: the page's scripts. `app.py` puts the page together, `serve.py` runs it.
"""
