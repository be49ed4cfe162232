WORD = "deep"
