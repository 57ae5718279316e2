# commbench. `make` builds; `make test` is everything that a change must pass.

GO          ?= go
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 20s
BENCHTIME   ?= 1s
BENCHCOUNT  ?= 1

# NVML's header marks many of its functions as deprecated; go-nvml wraps them all.
export CGO_CFLAGS ?= -O2 -g -Wno-deprecated-declarations
# NVML's functions are looked up as they are called: a compiler that binds all when a program starts makes one that
# never does. What Go has by default stands before.
export CGO_LDFLAGS ?= -O2 -g $(if $(filter Linux,$(shell uname -s)),-Wl$(comma)-z$(comma)lazy)
comma := ,

.PHONY: build test unit race isa arm64 lint cross bench fuzz golden peers bench-peers targets network soak engines cluster-files ptx

# NVML needs cgo; without a C compiler, or with CGO_ENABLED=0, the binary is static and leaves it out.
build:
	$(GO) build -ldflags "-X main.version=$(VERSION)" -o bin/commbench ./cmd/commbench

test: lint cross unit race isa arm64 engines cluster-files

# Without a C compiler NVML, CUDA and the race detector are left out, but not in CI.
.PHONY: cc
cc:
	@scripts/need-cc || test -z "$$CI"

# The tests of scripts/netns need iproute2, and in CI must have it.
unit: cc
	@scripts/need-netns || test -z "$$CI"
	$(GO) test ./...

# The in-process transport proves the order of puts and signals. Without a C compiler the step is left out, but not in CI.
race:
	@if scripts/need-cc; then $(GO) test -race -short ./...; else test -z "$$CI"; fi

# Kernels and exec on every instruction set of this machine, and those of arm64 under qemu where it installs.
isa:
	GO="$(GO)" scripts/test-isa

arm64:
	GO="$(GO)" scripts/test-arm64

# Under Open MPI, MPICH and a Slurm of its own, which it installs where it may.
engines: build
	COMMBENCH="$(CURDIR)/bin/commbench" GO="$(GO)" scripts/test-engines

# The files that users' clusters run: batch script, manifest, units.
cluster-files:
	GO="$(GO)" scripts/test-cluster-files

lint: cc
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

# What users build that this machine may not be.
cross:
	CGO_ENABLED=0 $(GO) vet ./...
	CGO_ENABLED=0 $(GO) test ./nvml/... ./bench/probe
	CGO_ENABLED=0 $(GO) test -run 'Probe|Page|GPU' ./cmd/commbench
	GOOS=linux GOARCH=arm64 $(GO) vet ./...
	GOOS=darwin GOARCH=arm64 $(GO) vet ./...
	$(GO) vet -tags purego ./...

# Dispatch and combine for each algorithm and transport, with this machine's memcpy rate beside them.
bench:
	$(GO) test -run '^$$' -bench 'Dispatch|Combine|Notify|Memcpy' -benchmem -benchtime $(BENCHTIME) -count $(BENCHCOUNT) ./alltoall/exec/

# Every fuzz target in turn.
fuzz:
	@for pkg in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "== $$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

# Random workloads, transports, processes and faults, for ten minutes: nothing may be wrong, hang or be left behind.
soak: build
	$(GO) run ./scripts/soak $(SOAKFLAGS)

# Rewrites the golden files of the reports and the command, to be read before they are committed.
golden:
	$(GO) test ./reports/ ./cmd/... -update

# What a user would run in commbench's place, built for this machine: Open MPI, MPICH and plain C. See docs/peers.md.
PEERCC := -std=c11 -O3 -march=native -Wall -Wextra
peers:
	scripts/need-peers
	mkdir -p out/peers
	mpicc.openmpi $(PEERCC) -o out/peers/a2av.openmpi scripts/peers/c/a2av.c
	mpicc.mpich $(PEERCC) -o out/peers/a2av.mpich scripts/peers/c/a2av.c
	gcc $(PEERCC) -o out/peers/limit scripts/peers/c/limit.c -lpthread

# Whether commbench is as fast as it must be; rewrites the block in docs/performance.md. About half an hour.
targets: build peers
	$(GO) run ./scripts/targets -write docs/performance.md $(TARGETFLAGS)

# The same for TCP, beside bare connections, iperf3 and Open MPI. About twenty minutes.
network: build peers
	$(GO) run ./scripts/network -write docs/performance.md $(NETWORKFLAGS)

# All of them and commbench in turns, for some twenty minutes; rewrites the block in docs/performance.md.
bench-peers: build peers
	$(GO) run ./scripts/peers -write docs/performance.md $(PEERFLAGS)

# The PTX of the GPU kernels, which is committed: see docs/gpu.md.
ptx:
	scripts/ptx
