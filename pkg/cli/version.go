package cli

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/output"
)

// version is set by the release build; a build by `go install` has it from the
// module's build information instead.
var version string

// build is what is known of the binary.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"` // built from a tree with local changes
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (a *app) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of pawl",
		Example: `  pawl version
  pawl version -o json`,
		Args:              withUsage(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(*cobra.Command, []string) error { return a.show(thisBuild()) },
	}
	exits(cmd)
	return cmd
}

// thisBuild reads what the linker and the go command left in the binary.
func thisBuild() build {
	b := build{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Commit = setting.Value
		case "vcs.modified":
			b.Modified = setting.Value == "true"
		}
	}
	return b
}

// Text writes the version on one line.
func (b build) Text(w *output.Printer) {
	commit := ""
	if b.Commit != "" {
		commit = " " + b.Commit
	}
	w.Line("pawl %s%s %s %s", b.Version, commit, b.Go, b.Platform)
}

// Markdown writes the version on one line.
func (b build) Markdown(w *output.Printer) { b.Text(w) }
