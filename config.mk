# What an installer or a packager may want to change; each can be given on make's command line.
prefix  = /usr/local
bindir  = $(prefix)/bin
mandir  = $(prefix)/share/man
datadir = $(prefix)/share/ser
DESTDIR =

CC      = gcc
AR      = ar
FLAVOUR = release
