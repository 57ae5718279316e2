// Package faulty is a driver around any other driver, which injects faults: it
// delays verbs, lets puts change places, loses verbs, and cuts channels. It is for
// tests of what is built on transports, and of transports themselves.
//
// # Terms
//
// A Spec says which faults there are; Parse reads it from text. Match narrows it to
// some verbs. Injected counts what was injected, so that a test can see that there
// was a fault at all. Only puts, streams, signals and put-signals are hit: a fence
// or a flush carries nothing that could be lost.
//
// Delay and Reorder are not faults by the contract of package driver: what is right
// over a driver is right over one that is late and out of order. Drop and Cut are:
// what they hit never comes, and whoever waits for it must end all the same.
//
// # Ordering
//
// Puts of a channel may change places between two verbs that order them: a fence, a
// signal, a put-signal or a flush. They are held back until the next such verb, or
// until there are 64. With Delay the verbs of a channel wait in a queue, each until
// its time, and are carried out in the order in which they came there. Sources are
// read as late as that, which shows who changes them too early.
//
// With neither, verbs go straight through, and have taken effect when those of the
// driver inside have.
//
// The Spec's seed and the calls of a channel alone decide what is dropped by chance
// there, in which order its puts land, and how late. DropAt and Cut count the verbs of
// all channels, so with several goroutines they hit whichever comes at that moment.
//
// # The driver inside
//
// The name and what else a driver can do are those of the driver inside, so a rank
// with faults and one without can be in one world. There are three exceptions.
// With Delay or Reorder peers are not mapped: a store there would overtake puts that
// still wait, also those before a fence. With Delay the driver inside is asked not to
// hold verbs back, as whoever pushes may do so before they come there. And
// a driver that crosses no network says that it uses a zero driver.Network.
//
// # Concurrency
//
// As package driver asks: a Driver is safe for concurrent use, a channel belongs to
// one goroutine at a time. With Delay each channel has a goroutine of its own, which
// carries its verbs out. Match and Injected are called from any goroutine. No verb
// allocates.
//
// Close ends these goroutines. It waits for at most the verb that each of them is
// about to carry out, and loses those that wait.
//
// # Errors
//
// A channel that was cut returns ErrCut, which is a driver.ErrLost, from then on. With
// Delay a verb returns before anything has gone wrong: the error comes with a later
// verb, at the latest with Flush. A flush, or a verb that finds 64 others before it,
// waits no longer than Options.Timeout, and then returns driver.ErrTimeout.
package faulty
