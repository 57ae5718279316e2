// Package fake is machines with GPUs that are not there, behind the interfaces of package
// nvml: sound ones of known builds, and the same with faults that real ones are rarely
// caught at. What is built on nvml is tried on them without a GPU, by tests and by users.
//
//	h100x8                       a sound DGX H100
//	h100x8,link-down:3           GPU 3 of which has two NVLinks down
//	h200x8,throttle,lost:1:30    whose GPUs all run slow, and GPU 1 falls off the bus after 30 s
//
// What a machine is made of are public facts. What it does is made up: its GPUs are busy,
// with a small ripple, and their counters grow accordingly. All of it follows from the
// readings of one clock, so that the same readings give the same answers. UUIDs say that
// they are made up.
package fake
