// An NVML with few symbols, of a machine with one GPU. Its nvmlInit answers $NVML_INIT.

#include <stdlib.h>
#include <string.h>

int nvmlInit(void) { return atoi(getenv("NVML_INIT")); }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { return code == 18 ? "Driver/library version mismatch" : "Not Supported"; }
int nvmlDeviceGetCount(unsigned *n) { *n = 1; return 0; }
int nvmlDeviceGetHandleByIndex(unsigned i, void **device) { *device = (void *)0x1000; return i != 0; }
int nvmlDeviceGetName(void *device, char *name, unsigned size) { strncpy(name, "A GPU", size); return 0; }
int nvmlDeviceGetUtilizationRates(void *device, void *rates) { return 3; }
