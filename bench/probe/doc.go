// Package probe puts on one page what hardware a machine is: the host, its GPUs and their
// links, its NICs, and how near to each other they are. It computes distances and nothing
// else; whether anything is wrong is for package judge to say.
package probe
