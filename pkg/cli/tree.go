package cli

import (
	"io"
	"time"

	"github.com/spf13/cobra"
)

// Tree returns the commands for whoever documents them; they are not to be run.
// The exit codes stand at the end of each command's description.
func Tree() *cobra.Command {
	a := &app{host: Host{Out: io.Discard, Err: io.Discard, Getenv: func(string) string { return "" }, Now: time.Now}}
	root := a.root()
	describe(root)
	return root
}

func describe(cmd *cobra.Command) {
	if text := cmd.Annotations[exitAnnotation]; text != "" {
		if cmd.Long == "" {
			cmd.Long = cmd.Short + "."
		}
		cmd.Long += "\n\nExit codes:\n\n" + text
	}
	for _, child := range cmd.Commands() {
		describe(child)
	}
}
