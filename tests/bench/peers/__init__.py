"""Servers that Pulse is compared with, each as a process of its own."""
