"""The nouns of the product and their pure rules: no I/O, no Azure, no HTTP.

- `people`: who may do what
- `connection`, `segment`, `export`, `schedule`: what people set up
- `run`: one execution of an export, and the checkpoint that it goes on from
- `email`, `outcomes`: which texts are addresses, and what became of each row
- `message`, `errors`: sentences for people, and what can go wrong
- `audit`: an entry of the audit trail
- `clock`: time as a parameter
"""
