package cli

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/output"
)

func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check the configuration, or print its JSON Schema",
		Example: `  pawl config validate
  pawl config schema > config.schema.json`,
		Args: withUsage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.configSchemaCommand(), a.configValidateCommand())
	exits(cmd)
	return cmd
}

func (a *app) configSchemaCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of " + config.FileName,
		Example: `  pawl config schema
  pawl config schema > config.schema.json`,
		Args:              withUsage(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			if _, err := a.host.Out.Write(config.Schema()); err != nil {
				return fmt.Errorf("writing the schema: %w", err)
			}
			return nil
		},
	}
	exits(cmd)
	return cmd
}

func (a *app) configValidateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate [FILE]",
		Short: "Check a configuration file and report every problem",
		Example: `  pawl config validate
  pawl config validate other/.pawl.yaml -o json`,
		Args: withUsage(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			name := config.FileName
			if len(args) == 1 {
				name = args[0]
			}
			return a.validateConfig(name)
		},
	}
	exits(cmd)
	return cmd
}

// valid is the result of config validate.
type valid struct {
	File         string               `json:"file"`
	Environments []config.Environment `json:"environments"`
}

func (a *app) validateConfig(name string) error {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(a.workdir(), name)
	}
	data, err := readSome(path)
	if err != nil {
		return usagef("", "reading the configuration: %v", err)
	}
	cfg, err := config.Parse(name, data)
	if err != nil {
		return err
	}
	return a.show(&valid{File: name, Environments: cfg.Environments})
}

// Text writes the environments in their order.
func (v *valid) Text(w *output.Printer) {
	w.Line("%s is valid", output.Clean(v.File))
	table := output.Table{Head: []string{"ENVIRONMENT", "BRANCH", "CHECKS", "APPROVALS"}}
	for _, env := range v.Environments {
		table.Add(env.Name, env.Branch, fmt.Sprint(len(env.Gates.Checks)), fmt.Sprint(env.Gates.Approvals))
	}
	w.Table(table)
}

// Markdown writes the environments in their order.
func (v *valid) Markdown(w *output.Printer) {
	table := output.Table{Head: []string{"environment", "branch", "checks", "approvals"}}
	for _, env := range v.Environments {
		table.Add(output.Code(env.Name), output.Code(env.Branch), fmt.Sprint(len(env.Gates.Checks)), fmt.Sprint(env.Gates.Approvals))
	}
	w.MarkdownTable(table)
}
