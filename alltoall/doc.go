// Package alltoall moves the tokens of a Mixture-of-Experts layer between ranks:
// Dispatch sends each token to the ranks that host its chosen experts, Combine
// brings the experts' outputs back and adds them up.
//
//	place, err := topo.Place(cluster, 256)
//	g, err := alltoall.Open(alltoall.Config{Place: place, TopK: 8, MaxTokens: 1024, Hidden: 7168}, nil)
//	defer g.Close()
//	// fill g.Token(rank, i) for every rank and token
//	h, err := g.Dispatch(ctx, routing)
//	// read h.Received(rank, row), write h.Output(rank, row)
//	err = h.Combine(ctx)
//	// read g.Combined(rank, i)
//
// A Handle keeps the plan: h.Dispatch moves other tokens along the same routing
// without exchanging counts again (cached dispatch).
//
// # Terms
//
// A rank is one GPU's place. The ranks of a node are its scale-up domain; the
// scale-out domain joins the nodes. A rail is the ranks with one in-node index.
// The two-hop algorithm, DeepSeek-V3's, sends a token once over its rail to each
// target node, where it is forwarded to the target ranks. A channel is one of a
// rank's parallel streams, a chunk the tokens between two signals of a stream.
//
// # Concurrency
//
// A Group and its Handles are for one goroutine at a time. Rows must not be
// touched while a Dispatch or a Combine runs.
//
// This package is the short way in; bench and tests that need phases, ledgers
// and several algorithms side by side use package exec beneath it.
package alltoall
