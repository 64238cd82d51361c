"""The roof: web app, worker, command line, embedded servers and demo data; the only package that knows all others."""
