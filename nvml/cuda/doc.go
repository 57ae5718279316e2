// Package cuda has NVIDIA GPUs do a few things: kernels of ours, copies, and telling how long
// those took. It opens the driver's library when it is asked to, so that nothing of CUDA is
// needed to build, and a binary runs where there is no GPU.
//
//	d, err := cuda.Open("")
//	gpu, err := d.Use(0)
//	defer gpu.Close()
//	us, err := gpu.Time(func() error { return gpu.Launch(cuda.CopyWords, grid, ...) })
//
// # Kernels
//
// They are in kernels/kernels.c, whose PTX is embedded: scripts/ptx makes it, and a test says
// when it is no longer that of the source. The driver compiles PTX for the GPU that is there,
// those of later generations as well.
//
// # Threads
//
// CUDA's calls are about the context of the calling thread. Each call here sets it first, on
// the one thread that it runs on, so a goroutine need not be locked to a thread. A GPU is used
// by one goroutine at a time; several GPUs may be used at once.
//
// # Errors
//
// An error of the driver is an Error: the call, the driver's name for what went wrong, and
// what to do. No driver, no GPU, one that is too old, or a build without cgo is
// errors.ErrUnsupported.
package cuda
