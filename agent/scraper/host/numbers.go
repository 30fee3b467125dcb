package host

// The numbers of the machine as a whole. Sizes are in bytes, times in seconds.
const (
	memTotal = iota
	memFree
	memAvailable
	memBuffers
	memCached // with what of the slab can be reclaimed
	memActive
	memInactive
	memShared
	memSlab
	memUsed      // total − available
	memUsedPlain // total − free − buffers − cached
	swapTotal
	swapFree
	swapUsed
	load1
	load5
	load15
	uptime
	cpuCount
	filesUsed
	filesLimit
	procsTotal
	procsRunning // as /proc/stat has it, of the whole machine
	procsBlocked
	procsCreated
	stateRunning // as processes have it, of those that can be seen
	stateSleeping
	stateBlocked
	stateStopped
	stateZombie
	stateDead
	statePaging
	threads
	faultsAll
	faultsMajor
	faultsMinor
	swapIn  // pages
	swapOut // pages
	stallCPU
	stallMemory
	stallMemoryFull
	stallIO
	stallIOFull
	tcpFirst   // states, in the kernel's order
	udpSockets = tcpFirst + tcpStates
	unanswered = udpSockets + 1 // file systems
	numMachine = unanswered + 1
)

// tcpStates is the number of states, the first of which is none.
const tcpStates = 12

// The numbers of a CPU, in ticks of 10 ms.
const (
	cpuUser = iota // without guest
	cpuNice        // without guestNice
	cpuSystem
	cpuIdle
	cpuIOWait
	cpuIRQ
	cpuSoftIRQ
	cpuSteal
	cpuGuest
	cpuGuestNice
	cpuInterrupt // irq + softirq
	cpuOther     // neither user, system, iowait, steal nor idle: nice, interrupts and guests
	cpuActive    // all but idle
	cpuTotal
	numCPU
)

// The numbers of a block device, in the order of /proc/diskstats; sizes in
// bytes, times in ms.
const (
	diskReads = iota
	diskReadsMerged
	diskReadBytes
	diskReadTime
	diskWrites
	diskWritesMerged
	diskWriteBytes
	diskWriteTime
	diskInFlight
	diskIOTime
	numDisk
)

// The numbers of a network interface, in the order of /proc/net/dev.
const (
	netRxBytes = iota
	netRxPackets
	netRxErrors
	netRxDropped
	netTxBytes
	netTxPackets
	netTxErrors
	netTxDropped
	numNet
)

// The numbers of a file system, in bytes and inodes.
const (
	fsTotal = iota
	fsFree  // for those who are not root
	fsUsed
	fsReserved // for root
	fsUsable   // used + free, the whole of df's percentage
	fsInodes
	fsInodesFree
	fsInodesUsed
	numFS
)
