"""The watcher: one process that looks at all resources of a server whenever the kernel has news, and at an interval.

It only makes things faster. What it finds goes to the engine, which does what it would have done later by itself. The
process that must go on never looks itself: each look, and each answer to what one found, is a child that can be given
up. Whatever is lost on the way, a look at everything makes up for.
"""
