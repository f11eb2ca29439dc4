"""The one door between the kits on different servers: questions (ask.py), orders (order.py), and how they travel.

transport.py runs a program on another server, wire.py has the form of what goes to and fro, requests.py and answers.py
the values in it, call.py puts them together. The far end is entry/peer.py, the program bin/lvmkit-peer. kernels.py asks
other servers for what their kernels hold, without the kit.
"""
