package output

import "fmt"

// Plural counts things whose name takes an s: "1 commit", "2 commits".
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
