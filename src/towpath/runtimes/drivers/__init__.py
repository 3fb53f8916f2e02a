"""Drivers of what runs on this machine: services and the routes that lead to them."""
