package config

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func three() *Config {
	return &Config{Environments: []Environment{
		{Name: "dev", Branch: "main"}, {Name: "staging", Branch: "env/staging"}, {Name: "production", Branch: "env/production"},
	}}
}

func TestLookups(t *testing.T) {
	t.Parallel()
	c := three()
	tests := []struct {
		what   string
		lookup func(string) (Environment, bool)
		key    string
		want   string // the name of the environment, or nothing
	}{
		{"Environment", c.Environment, "staging", "staging"},
		{"Environment", c.Environment, "env/staging", ""},
		{"Environment", c.Environment, "", ""},
		{"ByBranch", c.ByBranch, "env/staging", "staging"},
		{"ByBranch", c.ByBranch, "staging", ""},
		{"Before", c.Before, "dev", ""},
		{"Before", c.Before, "staging", "dev"},
		{"Before", c.Before, "production", "staging"},
		{"Before", c.Before, "nowhere", ""},
	}
	for _, tt := range tests {
		got, ok := tt.lookup(tt.key)
		if got.Name != tt.want || ok != (tt.want != "") {
			t.Errorf("%s(%q) = %q, %v; want %q", tt.what, tt.key, got.Name, ok, tt.want)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		glob, path string
		want       bool
	}{
		{"base/**", "base/kustomization.yaml", true},
		{"base/**", "base/api/deployment.yaml", true},
		{"base/**", "basement/api.yaml", false},
		{"base/**", "apps/base/api.yaml", false},
		{"**/*.yaml", "a.yaml", true},
		{"**/*.yaml", "a/b/c.yaml", true},
		{"**/*.yaml", "a/b/c.yml", false},
		{"charts/*/values.yaml", "charts/api/values.yaml", true},
		{"charts/*/values.yaml", "charts/a/b/values.yaml", false},
		{"{a,b}/x.yaml", "b/x.yaml", true},
		{"a[0-9]/x", "a1/x", true},
		{"a.yaml", "a.yaml", true},
		{"a.yaml", "b/a.yaml", false},
	}
	for _, tt := range tests {
		e := Environment{Paths: []string{"elsewhere/**", tt.glob}}
		if got := e.Match(tt.path); got != tt.want {
			t.Errorf("paths [%s] match %s: %v, want %v", tt.glob, tt.path, got, tt.want)
		}
	}
}

func TestDefault(t *testing.T) {
	t.Parallel()
	base := []string{"base/**"}
	tests := []struct {
		name     string
		branches []string
		want     []Environment
		problem  string
	}{
		{name: "all three", branches: []string{"production", "main", "dev", "staging"}, want: []Environment{
			{Name: "dev", Branch: "dev", Paths: base}, {Name: "staging", Branch: "staging", Paths: base},
			{Name: "production", Branch: "production", Paths: base}}},
		{name: "two, with the short name", branches: []string{"dev", "prod"}, want: []Environment{
			{Name: "dev", Branch: "dev", Paths: base}, {Name: "prod", Branch: "prod", Paths: base}}},
		{name: "none", branches: []string{"main", "develop"},
			problem: "there is no .pawl.yaml, and none of the branches dev, staging, production, prod"},
		{name: "nothing",
			problem: "nothing was pushed to the repository yet: there is no .pawl.yaml, and none of the branches dev, staging, production, prod"},
		{name: "both", branches: []string{"prod", "production"},
			problem: "there is no .pawl.yaml, and both a branch production and a branch prod: pawl cannot tell which one is deployed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := Default(tt.branches)
			if tt.problem != "" {
				var layout *LayoutError
				if !errors.As(err, &layout) || layout.Error() != tt.problem || layout.Hint() == "" {
					t.Errorf("the error is %v, want a LayoutError: %s", err, tt.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&Config{Version: Version, Environments: tt.want}, c); diff != "" {
				t.Errorf("Default (-want +got):\n%s", diff)
			}
		})
	}
}
