# What an installer or a packager may want to change; each can be given on make's command line.
prefix  = /usr/local
bindir  = $(prefix)/bin
mandir  = $(prefix)/share/man
datadir = $(prefix)/share/ser
libdir     = $(prefix)/lib
includedir = $(prefix)/include
# Where the shells look for completions.
bashcompdir = $(prefix)/share/bash-completion/completions
zshcompdir  = $(prefix)/share/zsh/site-functions
fishcompdir = $(prefix)/share/fish/vendor_completions.d
DESTDIR =

CC      = gcc
AR      = ar
FLAVOUR = release
