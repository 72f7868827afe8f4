"""How fast, and in how much memory: whole processes and loaded models on the same songs, the same weights, the same machine.

`measure.measure` times what `contestants` names and `floor` computes what the processor could do at best; `results` holds the
figures, `show` prints and draws them.
"""
