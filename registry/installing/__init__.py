"""Change what an instance has: install, update, turn on and off, pin, uninstall.

HTTP and command line both go through `Installer`: what is to change is decided on the states of a
few libraries at a head (`requirements`), and written as one commit (`registry.transactions`).
"""
