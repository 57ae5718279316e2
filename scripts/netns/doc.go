// Package netns holds the tests of scripts/netns-cluster, a test cluster of network
// namespaces on one machine, and with it the test that two-hop beats flat where a
// link is the limit. There is nothing in it to import. See docs/test-cluster.md.
//
// # Terms
//
// A node is a network namespace, in which one process runs. The switch is one more,
// with a bridge. A link joins the two and is shaped to a rate in both directions.
//
// # Where they run
//
// They need Linux, root, and Debian's iproute2; without these they are skipped and
// say why, but fail where CI is set. Each test makes clusters of its own, named by the
// process id, and takes them down. Links have their own addresses and touch no
// network of the machine.
//
// # Times
//
// These are the only tests that assert how fast something is, and can be: the links are
// slower by far than the machine that emulates them, and their rate is known.
package netns
