// Package tcp is the driver for processes that a network connects. A put's bytes go
// from the caller's memory to the socket and from the socket into the target segment:
// no copy of them is made in between, at either end.
//
// # Terms
//
// A hub is what one driver value has on the network for as long as any of its
// endpoints is open: a listening socket, and connections to the hubs of other
// processes, or to itself where ranks live in one process. Connections are between
// hubs and not between ranks: each hub opens Config.Streams of them to each hub that
// its ranks put to, at the first Channel that needs them, and uses them in one
// direction. So each of P processes has at most 2 x Streams x P + 1 sockets, however
// many ranks there are. Each has a goroutine or two, which take no thread while they
// wait. A rank's puts to itself are copies.
//
// # Who receives
//
// Who waits for signals looks for them at the sockets (Poll), and does what is to be
// done. Goroutines do it when nobody looks: only then are sockets watched, because the
// watch wakes a thread for each message, which takes the core of one who polls, or of
// the peer. Between two processes on two cores a round trip of 64 bytes takes 16 to
// 19 us so, and 60 us where the goroutines are always awake. Of more than 8 connections
// one system call says first which have something.
//
// A batch is what goes over a connection at once: a list of descriptors (put these
// bytes there, add this to that word), then the bytes. One system call sends a batch,
// and one or a few receive it.
//
// # Ordering
//
// A channel stays on one connection, which is in order, and who receives carries
// verbs out in that order. A fence is therefore nothing to be done, and a put-signal
// is one descriptor.
//
// # When verbs are sent
//
// A signal is sent by its caller, before the verb returns, unless Options.Hold lets it
// wait for Push or for 256 KiB of company. A put without a signal is sent with the next
// signal, flush or push on its connection, or when as much has come together. Where the
// socket has no room a goroutine sends the rest as soon as it has.
//
// # Memory and back-pressure
//
// What was put but not sent is a descriptor and a pointer to the caller's bytes, which
// must stay as they are, until it is sent or the endpoint has closed. A connection holds
// up to 4 batches of 128 descriptors; a verb that finds no room waits, up to the
// Options.Timeout of the endpoint that opened the connection. Receivers never wait for
// anything but the network, so there is always room in the end.
//
// # Security
//
// Both ends of each connection prove that they know Config.Secret before anything else
// is read (see transport/internal/auth). Strangers that stay silent are cut off after
// the timeout, 10 s at most, or when too many others come. After the proof, bytes travel
// in the clear. What arrives is checked against the segments and words that exist here:
// a peer can write nothing else, and a number that it sends makes nothing grow.
//
// # Failure
//
// A hub says goodbye when its last endpoint is closed; verbs to its ranks then fail with
// driver.ErrClosed. A connection that ends otherwise, or that takes nothing for the
// timeout, is a fault: verbs on it fail with driver.ErrLost, bells ring, and Fault names
// the rank. The connection ends, so the peer has a fault as well, if it is still there.
//
// # Concurrency
//
// A Driver is safe for concurrent use.
package tcp
