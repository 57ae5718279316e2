package record

import "time"

// Schema is the name and version of the contract, in every record.
const Schema = "commbench.record/v1"

// Where a record's figures come from.
const (
	Measured  = "measured"  // bytes were moved and timed
	Simulated = "simulated" // a plan was played in virtual time
	Model     = "model"     // closed formulas
	Imported  = "imported"  // taken from another tool or a publication
)

// The operations.
const (
	Dispatch  = "dispatch"
	Combine   = "combine"
	Roundtrip = "roundtrip" // a dispatch and the combine that answers it
)

// The algorithms of this program. An imported record may name another one.
const (
	TwoHop   = "two-hop"  // over the rail once a node, then within the node
	Direct   = "direct"   // straight to each target rank
	AllToAll = "alltoall" // the flat collective, as nccl-tests measures it

	PXN        = "pxn"         // straight to each target rank, by the rank of the own node that is on its rail
	LowLatency = "low-latency" // a message for each choice, straight to the expert's rank
)

// Record is one result. Its comments and those of its groups define each
// figure; times are in microseconds, bandwidths in GB/s (1e9 bytes a second).
type Record struct {
	Schema      string      `json:"schema"`
	Time        time.Time   `json:"time"`    // of the measurement; written in UTC, RFC 3339
	Version     string      `json:"version"` // of the program that measured
	Source      string      `json:"source"`
	Op          string      `json:"op"`
	Algorithm   string      `json:"algorithm"`
	Transport   Transport   `json:"transport"`
	Cluster     Cluster     `json:"cluster"`
	Workload    Workload    `json:"workload"`
	Skew        Skew        `json:"skew"`
	Exec        Exec        `json:"exec"`
	Traffic     Traffic     `json:"traffic"`
	TimeUS      Times       `json:"time_us"`
	SamplesUS   []float64   `json:"samples_us"` // for each iteration, the slowest rank's transfer; null when there are none
	Bandwidth   Bandwidth   `json:"bandwidth_gbps"`
	Limit       *Limit      `json:"limit"`      // the ceiling that Efficiency refers to
	Efficiency  *float64    `json:"efficiency"` // bytes copied (dispatch) or reduced (combine) / p50, over the ceiling: 1 is the ceiling
	Baseline    *Baseline   `json:"baseline"`
	Wrong       *int64      `json:"wrong"`       // tokens that differ from the reference; null when not checked
	Warnings    []string    `json:"warnings"`    // what limits the figures
	Notes       []string    `json:"notes"`       // what the figures say, in words
	Verdicts    []Verdict   `json:"verdicts"`    // whether the figures can be trusted; null where nobody looked
	Interrupted bool        `json:"interrupted"` // stopped before all iterations; the samples are those that finished
	Elapsed     Elapsed     `json:"elapsed_s"`
	Simulation  *Simulation `json:"simulation"` // on what; null when bytes were moved
	Counted     *Counted    `json:"counted"`    // by the network's own counters; null where no hop crosses a network
	Sampling    *Sampling   `json:"sampling"`   // beside the run; null where none was asked for
	Host        HostInfo    `json:"host"`
	// Environment is what of the environment bears on the figures, by an allow-list: never all of it.
	Environment map[string]string `json:"environment"`
}

// Transport names the driver of each world.
type Transport struct {
	ScaleUp  *string  `json:"scale_up"`
	ScaleOut *string  `json:"scale_out"`
	Network  *Network `json:"network"` // of the hops that cross one; null where none does
}

// Network is how the process that reports crosses a network.
type Network struct {
	Interface     *string `json:"interface"`
	Streams       *int    `json:"streams"`     // connections to each other process, in each direction
	Congestion    *string `json:"congestion"`  // congestion control
	NoDelay       *bool   `json:"nodelay"`     // small packets do not wait for others (TCP_NODELAY)
	SendBuffer    *int    `json:"send_buffer"` // of a connection, in bytes, as the system says
	ReceiveBuffer *int    `json:"receive_buffer"`
	Sockets       *int    `json:"sockets"` // that the process had open
}

// Cluster is the shape of the machine: Ranks = Nodes x GPUsPerNode.
type Cluster struct {
	Nodes       int `json:"nodes"`
	GPUsPerNode int `json:"gpus_per_node"`
	Ranks       int `json:"ranks"`
}

// Workload is what was asked to be moved.
type Workload struct {
	Tokens     int      `json:"tokens"` // a rank
	Hidden     int      `json:"hidden"` // values a token
	Experts    int      `json:"experts"`
	TopK       int      `json:"topk"`
	TopKGroups *int     `json:"topk_groups"` // null when the gate is not limited to groups
	Dtype      string   `json:"dtype"`       // "fp8" or "bf16"
	Routing    string   `json:"routing"`     // the generator, or the trace's path
	Seed       *uint64  `json:"seed"`
	Masked     *float64 `json:"masked"`      // chance of each choice to be masked, 0 to 1
	Ragged     *bool    `json:"ragged"`      // ranks hold 0 to Tokens tokens
	EmptyRanks *int     `json:"empty_ranks"` // ranks that hold no tokens at all
	Bias       *int     `json:"bias"`        // bias tensors that a combine adds
	Preset     *string  `json:"preset"`      // the named set of options that was started from
}

// Skew is how uneven the routing turned out, measured on the routing itself.
type Skew struct {
	NodesPerToken *float64 `json:"nodes_per_token"` // mean distinct target nodes, the own node included
	RanksPerToken *float64 `json:"ranks_per_token"` // mean distinct target ranks, the own rank included
	HottestRank   *float64 `json:"hottest_rank"`    // most tokens received by a rank over the mean
	HottestExpert *float64 `json:"hottest_expert"`  // most tokens received by an expert over the mean
}

// Exec is how it was run.
type Exec struct {
	Processes       *int    `json:"processes"` // that the ranks live in
	Channels        *int    `json:"channels"`
	Chunk           *int    `json:"chunk"`            // tokens between two signals
	Workers         *int    `json:"workers"`          // of each process
	Pinned          *bool   `json:"pinned"`           // workers are tied to cores, and memory to their memory nodes
	MemoryNodes     *int    `json:"memory_nodes"`     // that workers are spread over; null when not pinned
	HugeBytes       *int64  `json:"huge_bytes"`       // of the ranks' memory on huge pages at the end
	ISA             *string `json:"isa"`              // instruction set of the kernels: "avx512", ...
	Warmup          *int    `json:"warmup"`           // iterations before those that count
	Iterations      *int    `json:"iterations"`       // asked for; len(SamplesUS) of them finished
	CachedHandle    *bool   `json:"cached_handle"`    // the plan was reused, so there was no notify
	Check           *bool   `json:"check"`            // the data were compared with the reference
	ExpandAlignment *int    `json:"expand_alignment"` // tokens an expert's rows are padded to; null when not expanded
}

// Counts are tokens that crossed a fabric, a token counted once for each
// target. Logical includes the targets that need no wire (the own node for
// scale-out, the own rank for scale-up); wire does not.
type Counts struct {
	ScaleOutLogical *int64 `json:"scale_out_tokens_logical"`
	ScaleOutWire    *int64 `json:"scale_out_tokens_wire"`
	ScaleUpLogical  *int64 `json:"scale_up_tokens_logical"`
	ScaleUpWire     *int64 `json:"scale_up_tokens_wire"`
}

// Traffic is what the ledger says was moved in one iteration. The counts are
// sums over all ranks; MaxRank holds, for each count on its own, the busiest
// rank's.
type Traffic struct {
	Counts
	BytesPerToken         *int64   `json:"bytes_per_token"`          // payload and scales
	MetadataBytesPerToken *float64 `json:"metadata_bytes_per_token"` // apart from BytesPerToken
	ScaleOutSignals       *int64   `json:"scale_out_signals"`
	ScaleUpSignals        *int64   `json:"scale_up_signals"`
	CopiedBytes           *int64   `json:"copied_bytes"`  // payload and scales, all hops and passes
	ReducedBytes          *int64   `json:"reduced_bytes"` // payload that sums read, bias rows included
	MaxRank               Counts   `json:"max_rank"`
}

// Times are in microseconds. P50 to Max are of the transfer phase, for each
// iteration the slowest rank's time from the common start, and are
// nearest-rank percentiles over SamplesUS. The phases are medians of the same
// kind. Total is layout, notify, transfer and epilogue together.
type Times struct {
	P50            *float64 `json:"p50"`
	P95            *float64 `json:"p95"`
	P99            *float64 `json:"p99"`
	Min            *float64 `json:"min"`
	Max            *float64 `json:"max"`
	LayoutP50      *float64 `json:"layout_p50"`
	NotifyP50      *float64 `json:"notify_p50"`
	TransferP50    *float64 `json:"transfer_p50"`
	EpilogueP50    *float64 `json:"epilogue_p50"`
	TotalP50       *float64 `json:"total_p50"`
	FastestRankP50 *float64 `json:"fastest_rank_p50"` // of the transfer, the fastest rank's time
}

// Bandwidth is in GB/s (1e9 bytes a second) and refers to Times.P50. The first
// four are means over ranks, see Bandwidths; AlgBW and BusBW are of the
// alltoall algorithm only.
type Bandwidth struct {
	ScaleOutLogical *float64 `json:"scale_out_logical"`
	ScaleOutWire    *float64 `json:"scale_out_wire"`
	ScaleUpLogical  *float64 `json:"scale_up_logical"`
	ScaleUpWire     *float64 `json:"scale_up_wire"`
	AlgBW           *float64 `json:"algbw"`
	BusBW           *float64 `json:"busbw"`
}

// Limit is this host's own ceiling: the same blocks at random places of the same
// memory, by the same workers, measured between the iterations of the same run.
type Limit struct {
	Kind        string    `json:"kind"`         // "copy" (of what dispatch writes), "reduce" (what combine reads) or "loopback"
	GBps        float64   `json:"gbps"`         // median over SamplesGBps
	SamplesGBps []float64 `json:"samples_gbps"` // one for each iteration that counts
	BlockBytes  *int64    `json:"block_bytes"`
	Workers     *int      `json:"workers"`
	Stores      *string   `json:"stores"`      // copy: the stores that were faster, "ordinary" or "streaming" (past the caches)
	Addends     *int      `json:"addends"`     // reduce: rows that are added into one
	Connections *int      `json:"connections"` // loopback: as many as were fastest
}

// The kinds of limit.
const (
	LimitCopy   = "copy" // and LimitLoopback, see Ceiling
	LimitReduce = "reduce"
)

// Baseline compares this record with another algorithm on the same workload,
// run interleaved with it. Ratio is the baseline's p50 over this p50: how many
// times faster this record is. RatioMin and RatioMax are the extremes over
// pairs of iterations.
type Baseline struct {
	Algorithm string   `json:"algorithm"`
	Ratio     float64  `json:"ratio"`
	RatioMin  *float64 `json:"ratio_min"`
	RatioMax  *float64 `json:"ratio_max"`
}

// Elapsed is where the time of the whole run went, the baseline's part included,
// in seconds. What is left of Total is set-up, first touch, warm-up and ceilings.
type Elapsed struct {
	Total  *float64 `json:"total"`  // from the start to the records
	Timed  *float64 `json:"timed"`  // iterations that count, with their layout, notify and epilogue
	Checks *float64 `json:"checks"` // comparing with the reference
}

// Simulation is the hardware and the kernels of a record that was simulated, and how busy they
// were. Its own time is in Times, and this host's in Elapsed.
type Simulation struct {
	Hardware  string   `json:"hardware"`
	Kernels   string   `json:"kernels"`
	SMs       int      `json:"sms"`        // of each GPU
	Ring      *int     `json:"ring"`       // rows of a channel's ring from each peer; null where there is room for all
	Jitter    float64  `json:"jitter"`     // each step and latency takes up to so many times as much more
	SlowRanks []string `json:"slow_ranks"` // rank:share of its speed
	SlowLinks []string `json:"slow_links"` // rank-rank:share of a port's rate
	BarrierUS float64  `json:"barrier_us"` // of all ranks, once; in no other time
	Busy      Busy     `json:"busy"`
	Events    int64    `json:"events"` // that were played
}

// Busy is the share of the transfer in which parts worked, a mean over ranks: 0 to 1.
type Busy struct {
	SMs      float64 `json:"sms"`
	ScaleOut float64 `json:"scale_out"`
	ScaleUp  float64 `json:"scale_up"`
	Memory   float64 `json:"memory"`
}
