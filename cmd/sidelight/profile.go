package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"

	"github.com/spf13/cobra"
)

// profiles are files that a run writes about itself. Their flags are hidden: the
// format and the names inside belong to this version.
type profiles struct{ cpu, mem string }

func (p *profiles) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.cpu, "cpu-profile", "", "write a CPU profile of the whole run to this file")
	cmd.Flags().StringVar(&p.mem, "mem-profile", "", "write a profile of the memory at the end of the run to this file")
	for _, name := range []string{"cpu-profile", "mem-profile"} {
		if err := cmd.Flags().MarkHidden(name); err != nil {
			panic("BUG: " + err.Error())
		}
	}
}

// start begins the profiles that are wanted. The function it returns ends and
// writes them.
func (p *profiles) start() (func() error, error) {
	if p.cpu == "" {
		return p.writeMem, nil
	}
	f, err := os.Create(p.cpu)
	if err != nil {
		return nil, fmt.Errorf("create the CPU profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("start the CPU profile: %w", err)
	}
	return func() error {
		pprof.StopCPUProfile()
		return errors.Join(f.Close(), p.writeMem())
	}, nil
}

func (p *profiles) writeMem() error {
	if p.mem == "" {
		return nil
	}
	f, err := os.Create(p.mem)
	if err != nil {
		return fmt.Errorf("create the memory profile: %w", err)
	}
	runtime.GC()
	if err := pprof.Lookup("allocs").WriteTo(f, 0); err != nil {
		f.Close()
		return fmt.Errorf("write the memory profile: %w", err)
	}
	return f.Close()
}
