package main

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// size is a number of bytes with bounds: 64KiB, 1MiB, 2GiB or plain bytes.
type size[T int | int64] struct {
	p           *T
	least, most int64
}

// units are largest first, so that writing finds the shortest form.
var units = []struct {
	name  string
	shift int
}{{"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}, {"B", 0}}

func (c size[T]) set(n *yaml.Node) error {
	s, err := scalar(n, "a size such as 64KiB, 1MiB or 2GiB")
	if err != nil {
		return err
	}
	v, ok := parseSize(s)
	switch {
	case !ok:
		return fmt.Errorf("must be a size such as 64KiB, 1MiB or 2GiB (got %s)", shown(s))
	case v < c.least:
		return fmt.Errorf("must be at least %s (got %s)", sizeText(c.least), s)
	case v > c.most:
		return fmt.Errorf("must be at most %s (got %s)", sizeText(c.most), s)
	}
	*c.p = T(v)
	return nil
}

func (c size[T]) yaml() string { return sizeText(int64(*c.p)) }

func parseSize(s string) (int64, bool) {
	shift := 0
	for _, u := range units {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			s, shift = strings.TrimSpace(rest), u.shift
			break
		}
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v > (1<<62)>>shift || v < -(1<<62)>>shift {
		return 0, false
	}
	return v << shift, true
}

func sizeText(v int64) string {
	for _, u := range units {
		if u.shift > 0 && v != 0 && v%(1<<u.shift) == 0 {
			return strconv.FormatInt(v>>u.shift, 10) + u.name
		}
	}
	return strconv.FormatInt(v, 10)
}
