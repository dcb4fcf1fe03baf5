package manifest_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getpawl/pawl/pkg/image"
	"github.com/getpawl/pawl/pkg/manifest"
)

const fiveMiB = 5 << 20

// fill repeats a text up to n bytes.
func fill(text string, n int) string { return strings.Repeat(text, n/len(text)) }

// numbered repeats a text with its number put in for every %d.
func numbered(text string, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(text, "%d", strconv.Itoa(i)))
	}
	return b.String()
}

// nasty inputs try to make the parser, the walk or an edit take too long.
func nasty() map[string]string {
	return map[string]string{
		"200k keys":                   numbered("k%d: v\n", 200_000),
		"100k keys and an image":      numbered("k%d: v\n", 100_000) + "image: nginx:1\n",
		"60k images":                  "a:\n" + fill("- image: nginx:1\n", 60_000*17),
		"9k images of one name":       "a:\n" + fill("- image: nginx:1\n", 9_000*17),
		"9k images, many keys":        numbered("k%d: {image: 'nginx:1'}\n", 9_000) + numbered("z%d: 0\n", 90_000),
		"9k images in one line":       "é: [" + fill("{image: 'nginx:1'}, ", 9_000*20) + "]\n",
		"9k entries to append to":     "images:\n" + fill("- name: nginx\n", 9_000*14),
		"9k problems":                 fill("- image: nginx:1@"+shaA+"\n", 9_000*90),
		"long key over images":        fill("k", 1_000_000) + ":\n" + fill("- image: nginx:1\n", 9_000*17),
		"deep flow":                   fill("[", 9_999) + fill("]", 9_999),
		"deep flow, open":             fill("[", fiveMiB),
		"deep mappings":               strings.Repeat("{a: ", 9_000) + strings.Repeat("}", 9_000),
		"deep list":                   fill("- ", 20_000) + "image: nginx:1",
		"deep images":                 strings.Repeat("{a: ", 900) + "[" + fill("{image: 'nginx:1'}, ", 9_000*20) + "]" + strings.Repeat("}", 900),
		"explicit keys":               fill("? ", fiveMiB),
		"alias bomb":                  bomb(),
		"alias list":                  "image: &a nginx:1\nb: [" + fill("{image: *a}, ", 80_000*13) + "]\n",
		"merge chain":                 "a0: &a0 {repository: nginx, tag: '1'}\n" + chain(20_000),
		"merge fan":                   "a: &a {repository: nginx, tag: '1'}\nb: {<<: [" + fill("*a, ", 400_000) + "]}\n",
		"merge into itself":           "a: &a {<<: *a, repository: nginx, tag: '1'}\n",
		"wide merges":                 "a: &a {" + numbered("k%d: v, ", 20_000) + "repository: nginx, tag: '1'}\n" + numbered("b%d: {<<: *a, tag: '2'}\n", 9_000),
		"5 MB plain":                  "image: nginx:" + fill("x", fiveMiB-20),
		"5 MB quoted":                 "image: \"" + fill("x", fiveMiB-20) + "\"",
		"5 MB escapes":                "image: \"" + fill(`\x41`, fiveMiB-20) + "\"",
		"5 MB tag":                    "images:\n- name: nginx\n  newTag: " + fill("x", fiveMiB-100),
		"5 MB digest":                 "images:\n- name: nginx\n  digest: sha256:" + fill("a", fiveMiB-100),
		"5 MB name":                   "images:\n- newTag: a\n  name: " + fill("x", fiveMiB-100),
		"5 MB block":                  "image: >-\n" + fill("  x\n", fiveMiB-20),
		"100k images that are none":   "a:\n" + fill("- image: a//b/c/d/e/f/g/h/i/j/k/l\n", fiveMiB-10),
		"long images":                 "a:\n" + fill("- image: "+strings.Repeat("a.", 380)+"a/nginx:1\n", fiveMiB-1000),
		"long images that are none":   "a:\n" + fill("- image: "+strings.Repeat("a/", 500)+"a:1\n", fiveMiB-1100),
		"one bad image, many aliases": "image: &a " + strings.Repeat("a/", 500) + "a\nb: [" + fill("{image: *a}, ", 80_000*13) + "]\n",
		"5 MB key":                    "? " + fill("x", fiveMiB-40) + "\n: nginx:1\nimage: nginx:1\n",
		"5 MB comment":                "image: nginx:1 #" + fill("x", fiveMiB-40) + "\n",
		"5 MB comments":               "image: nginx:1\n" + fill("# x\n", fiveMiB-40),
		"5 MB key comments":           fill("a: b # c\n", fiveMiB),
		"5 MB flow comments":          "[" + fill("a, #\n", fiveMiB-20) + "]",
		"80k key comments":            fill("a: b # c\n", 9*80_000),
		"5 MB blank lines":            "image: nginx:1\n" + fill("\n", fiveMiB-40),
		"5 MB carriage returns":       "image: nginx:1\r" + fill("\r", fiveMiB-40),
		"5 MB separators":             "image: nginx:1\u2028" + fill("\u2028", fiveMiB-40),
		"5 MB of letters é":           "a: " + fill("é", fiveMiB-40) + "\nimage: nginx:1\n",
		"5 MB list":                   fill("- a\n", fiveMiB),
		"5 MB dashes":                 fill("-\n", fiveMiB),
		"5 MB flow list":              "[" + fill("a,", fiveMiB-20) + "]",
		"5 MB flow keys":              "{" + fill("a,", fiveMiB-20) + "}",
		"5 MB documents":              fill("---\n", fiveMiB),
		"80k documents":               fill("--- a\n", 6*80_000) + "---\nimage: nginx:1\n",
		"5 MB quotes":                 fill("'", fiveMiB),
		"5 MB colons":                 fill(":", fiveMiB),
		"5 MB spaces":                 fill(" ", fiveMiB),
		"5 MB percent":                fill("%TAG !a! b\n", fiveMiB),
		"anchors":                     numbered("- &a%d x\n", 100_000),
		"indentation":                 stairs(2_500),
		"80k texts":                   "patches:\n" + fill("- patch: |-\n    image: nginx:1\n", 80_000*32),
		"9k texts":                    "patches:\n" + fill("- patch: |-\n    image: nginx:1\n", 9_000*32),
		"texts that are none":         "patches:\n" + fill("- patch: |-\n    [ nginx\n", 50_000*24),
		"texts of many nodes":         "patches:\n" + fill("- patch: '["+fill("a,", 2_000)+"]'\n", fiveMiB-20),
		"a text merged often":         "a: &a {patch: '[" + fill("{a: b},", 300_000) + "{image: \"nginx:1\"}]'}\npatches: [" + fill("{<<: *a}, ", 9_000*10) + "]\n",
		"5 MB text":                   "patches:\n- patch: |-\n" + fill("    - image: nginx:1\n", fiveMiB-40),
		"5 MB text of prose":          "patches:\n- patch: |-\n    a: |\n" + fill("     nginx é nginx\n", fiveMiB-60),
		"long text in one line":       "patches:\n- patch: '[" + fill("{image: \"nginx:1\"}, ", 9_000*20) + "]'\n",
		"40k marks":                   "a:\n" + fill("- x # {\"$imagepolicy\": \"a:b:tag\"}\n", 40_000*36),
		"9k marks":                    "a:\n" + fill("- nginx:1 # {\"$imagepolicy\": \"a:b\"}\n", 9_000*38),
		"long mark":                   "a: nginx:1 # " + fill("{\"$imagepolicy\": ", fiveMiB-40) + "\n",
		"parameters":                  application + "spec: {source: {helm: {parameters: [" + fill("{name: a, value: b}, ", 39_000*21) + "{name: image, value: 'nginx:1'}]}}}\n",
		"9k overrides":                application + "spec: {source: {kustomize: {images: [" + fill("'a=nginx:1', ", 9_000*13) + "]}}}\n",
		"JSON in one line":            "{" + numbered("\"k%d\":\"x\",", 80_000) + "\"image\":\"nginx:1\"}",
	}
}

func bomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 60; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, fill(fmt.Sprintf("*a%d, ", i-1), 60))
	}
	return b.String() + "image: nginx:1\n"
}

func chain(n int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "a%d: &a%d {<<: *a%d}\n", i, i, i-1)
	}
	return b.String()
}

func stairs(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// heapPeak runs a function and returns the most memory that was in use meanwhile.
func heapPeak(run func()) uint64 {
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	stop := make(chan struct{})
	var watch sync.WaitGroup
	peak := before.HeapAlloc
	watch.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
				runtime.ReadMemStats(&now)
				peak = max(peak, now.HeapAlloc)
			}
		}
	})
	run()
	close(stop)
	watch.Wait()
	return peak - before.HeapAlloc
}

// TestBounded holds every input to 200 MB and to a second on a machine that does
// nothing else (PAWL_FULL=1). When the garbage collector gets its turn, and how long
// anything takes, is up to chance elsewhere: there only what has no bounds fails.
// Set does all that Find does.
func TestBounded(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector takes time and memory of its own")
	}
	longest, most := time.Minute, uint64(300<<20)
	if os.Getenv("PAWL_FULL") != "" {
		longest, most = time.Second, 200<<20
	}
	settings := []image.Setting{
		{Match: "nginx", New: image.Reference{Name: "nginx", Tag: "2.0"}},
		{Match: "x", New: image.Reference{Name: "x", Tag: "2.0"}},
	}
	for name, text := range nasty() {
		t.Run(name, func(t *testing.T) {
			src := []byte(text)
			var took time.Duration
			peak := heapPeak(func() {
				start := time.Now()
				_, _, err := manifest.Set("kustomization.yaml", src, settings, manifest.Options{Add: true})
				took = time.Since(start)
				checkProblem(t, err)
			})
			t.Logf("%7d bytes %8v %4d MB", len(src), took.Round(time.Millisecond), peak>>20)
			if took > longest {
				t.Errorf("took %v", took)
			}
			if peak > most {
				t.Errorf("used %d MB", peak>>20)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return strings.Repeat("{a: ", n) + "b" + strings.Repeat("}", n) }
	tests := []struct{ name, src, reason string }{
		{"999 levels", deep(997), ""},
		{"1,001 levels", deep(1001), "deeper than the 1000 levels"},
		{"199,000 nodes", "[" + strings.Repeat("a,", 199_000) + "]", ""},
		{"201,000 nodes", "[" + strings.Repeat("a,", 201_000) + "]", "more than the 200000"},
		{"201,000 nodes, cheap ones", strings.Repeat("-\n", 100_000) + strings.Repeat("- [a]\n", 50_500), "more than the 200000"},
		{"a million nodes", "[" + strings.Repeat("a,", 1_000_000) + "]", "more than the 200000 YAML nodes"},
		{"9,900 images", strings.Repeat("- image: a:v1\n", 9_900), ""},
		{"10,100 images", strings.Repeat("- image: a:v1\n", 10_100), "more than the 10000 images"},
		{"5 MiB", "a: " + fill("x", fiveMiB-3), ""},
		{"more than 5 MiB", "a: " + fill("x", fiveMiB), "has 5242883 bytes"},
	}
	for _, test := range tests {
		_, err := manifest.Find("x.yaml", []byte(test.src))
		if test.reason == "" && err != nil || test.reason != "" && (err == nil || !strings.Contains(err.Error(), test.reason)) {
			t.Errorf("%s: error %v, want %q", test.name, err, test.reason)
		}
		var problem *manifest.Problem
		if errors.As(err, &problem) && !problem.Unreadable {
			t.Errorf("%s: the problem is not Unreadable", test.name)
		}
	}
}

func checkProblem(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	var problem *manifest.Problem
	if !errors.As(err, &problem) {
		t.Errorf("error is no Problem: %v", err)
	}
	if text := err.Error(); len(text) > 50_000 {
		t.Errorf("the error has %d characters: %s…", len(text), text[:200])
	}
}
