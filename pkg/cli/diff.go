package cli

import (
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/promotion"
)

func (a *app) diffCommand() *cobra.Command {
	var (
		options  promotion.DiffOptions
		repo     string
		rendered bool
	)
	cmd := &cobra.Command{
		Use:   "diff FROM TO",
		Short: "Show what one environment would get from another",
		Long: `Diff shows what TO would get from FROM: the image versions that would change, the
commits that would come along, and which files and objects of TO's environment
they touch. FROM and TO are environments, branches or commits, in the order of a
promotion: pawl diff staging production shows what production would get.

With --rendered it also builds the environment's kustomizations at both commits
and compares the objects. That takes the kustomize program; it runs on a copy,
without a network, plugins or Helm, and no value of a Secret is shown.

It reads and changes nothing. Two that differ are no error.`,
		Example: `  pawl diff staging production
  pawl diff staging production --rendered
  pawl diff 3f2a1bc production -o markdown
  pawl diff my-branch dev --env staging`,
		Args: withUsage(cobra.ExactArgs(2)),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 1 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return a.completeEnvironments(cmd, nil, prefix)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			options.From, options.To = args[0], args[1]
			if rendered {
				var err error
				if options.Kustomize, err = kustomize(); err != nil {
					return err
				}
			}
			return look(cmd.Context(), a, repo, promotion.Diff, options)
		},
	}
	cmd.Flags().StringVar(&options.Environment, "env", "", "look at the files of this environment (default: that of TO, else that of FROM)")
	cmd.Flags().BoolVar(&rendered, "rendered", false, "build the environment's kustomizations at both commits, and compare the objects")
	_ = cmd.RegisterFlagCompletionFunc("env", a.completeEnvironmentFlag)
	repoFlag(cmd, &repo)
	exits(cmd, ExitTransient, ExitAccess)
	return cmd
}

// kustomize finds the program in PATH. One in the working directory does not count.
func kustomize() (string, error) {
	program, err := exec.LookPath("kustomize")
	if err != nil {
		return "", usagef("install it (https://kubectl.docs.kubernetes.io/installation/kustomize/), or leave out --rendered", "--rendered needs the kustomize program: %v", err)
	}
	return program, nil
}
