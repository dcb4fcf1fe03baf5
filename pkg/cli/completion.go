package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/bump"
	"github.com/getpawl/pawl/pkg/config"
)

// completeEnvironments offers the names of the environments. It reads the
// checkout only, so that the shell never waits for a network.
func (a *app) completeEnvironments(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, env := range a.knownEnvironments(cmd) {
		names = append(names, env.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeEnvironmentFlag offers the same for the flag --env.
func (a *app) completeEnvironmentFlag(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	return a.completeEnvironments(cmd, nil, prefix)
}

// knownEnvironments are those of the configuration, else the conventional ones.
func (a *app) knownEnvironments(cmd *cobra.Command) []config.Environment {
	checkout, err := a.checkout(cmd.Context())
	if err != nil {
		return nil
	}
	cfg, err := a.localConfig(checkout)
	if err == nil && cfg == nil {
		cfg, err = config.Default([]string{"dev", "staging", "production"})
	}
	if err != nil {
		return nil
	}
	return cfg.Environments
}

// completeImages offers the images that stand in the files below the working
// directory.
func (a *app) completeImages(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	directory, err := bump.OpenDirectory(a.workdir())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer directory.Close()
	list, err := bump.ListImages(directory, nil, nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, name := range list.Names() {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
