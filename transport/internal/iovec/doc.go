// Package iovec reads and writes many blocks with one system call, on sockets that do
// not block. It is a package of its own because such a call takes a pointer to a list
// of pointers, which is the only use of unsafe in a driver of sockets, and because the
// calls of golang.org/x/sys make a new list, on the heap, each time.
package iovec
