package config

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Every zone that is embedded can be read, and the zones that people use are there. To
// look one up by its name is to go through those before it: that is tried with every
// ninth, and with all of them if PAWL_FULL=1.
func TestZones(t *testing.T) {
	t.Parallel()
	if *update {
		writeZones(t)
		return
	}
	stride := 9
	if os.Getenv("PAWL_FULL") != "" {
		stride = 1
	}
	names := map[string]bool{}
	if err := eachZone(func(name string, data []byte) bool {
		names[name] = true
		if _, err := time.LoadLocationFromTZData(name, data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(names)%stride == 0 && name != "UTC" && checkZone(name) != nil && zoneRegexp.MatchString(name) {
			t.Errorf("%s is refused", name)
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Argentina/Buenos_Aires", "Asia/Kolkata", "Etc/GMT+1", "UTC"} {
		if !names[name] {
			t.Errorf("%s is missing", name)
		}
	}
	if len(names) < 590 {
		t.Errorf("there are %d zones only", len(names))
	}
	berlin, err := loadZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	if _, offset := time.Date(2050, 7, 1, 0, 0, 0, 0, time.UTC).In(berlin).Zone(); offset != 7200 {
		t.Errorf("Berlin is %d seconds from UTC in July 2050", offset)
	}
}

// writeZones packs the zones of the Go toolchain.
func writeZones(t *testing.T) {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = archive.Close() }()
	var out bytes.Buffer
	packed, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range archive.File {
		if strings.HasSuffix(file.Name, "/") {
			continue
		}
		data, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(data)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(packed, "%s %d\n%s", file.Name, len(content), content); err != nil {
			t.Fatal(err)
		}
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("zones.gz", out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
