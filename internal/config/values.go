package config

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/dustin/go-humanize"
)

// checkEveryValue wraps the decoder of each flag, so that limits are checked
// where a value is read, and every error knows its setting.
func checkEveryValue(k *kong.Kong) error {
	return kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok && flag.Name != "help" {
			checked := checkedMapper{inner: flag.Mapper, flag: flag}
			if flag.IsBool() {
				flag.Mapper = checkedBoolMapper{checked}
			} else {
				flag.Mapper = checked
			}
		}
		return next(nil)
	})
}

type checkedMapper struct {
	inner kong.Mapper
	flag  *kong.Flag
}

func (m checkedMapper) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	if err := m.inner.Decode(ctx, target); err != nil {
		return Wrong(m.flag.Name, "%v", err)
	}
	if err := m.check(target); err != nil {
		return Wrong(m.flag.Name, "%v", err)
	}
	return nil
}

// checkedBoolMapper tells kong that the flag needs no value.
type checkedBoolMapper struct{ checkedMapper }

func (checkedBoolMapper) IsBool() bool { return true }

func (m checkedMapper) check(target reflect.Value) error {
	if target.Kind() == reflect.Slice {
		for i := range target.Len() {
			if err := m.check(target.Index(i)); err != nil {
				return err
			}
		}
		return nil
	}
	if m.flag.Enum != "" {
		allowed := m.flag.EnumSlice()
		if got := fmt.Sprint(target.Interface()); !slices.Contains(allowed, got) {
			return fmt.Errorf("%q is none of %s", got, strings.Join(allowed, ", "))
		}
	}
	return checkLimits(target, m.flag.Tag.Get("min"), m.flag.Tag.Get("max"))
}

func checkLimits(target reflect.Value, least, most string) error {
	switch value := target.Interface().(type) {
	case time.Duration:
		return within(value, cmp.Or(least, "0s"), most, time.ParseDuration)
	case float64:
		// Every comparison with NaN is false, whatever the limit.
		if math.IsNaN(value) {
			return errors.New("NaN is no number")
		}
		return within(value, least, most, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
	}
	switch {
	case target.CanInt():
		return within(target.Int(), least, most, parseSize)
	case target.CanUint():
		return within(target.Uint(), least, most, humanize.ParseBytes)
	}
	return nil
}

// within checks least <= value <= most; an empty limit is none.
func within[T cmp.Ordered](value T, least, most string, parse func(string) (T, error)) error {
	if least != "" {
		limit, err := parse(least)
		if err != nil {
			return fmt.Errorf("its least value %q is wrong: %w", least, err)
		}
		if value < limit {
			return fmt.Errorf("%v is less than %s", value, least)
		}
	}
	if most != "" {
		limit, err := parse(most)
		if err != nil {
			return fmt.Errorf("its greatest value %q is wrong: %w", most, err)
		}
		if value > limit {
			return fmt.Errorf("%v is more than %s", value, most)
		}
	}
	return nil
}

func decodeAddress(ctx *kong.DecodeContext, target reflect.Value) error {
	return decodeHostPort(ctx, target, func(host string, port uint64) error {
		if host == "" {
			return fmt.Errorf("the host is missing")
		}
		if port == 0 {
			return fmt.Errorf("the port is 0")
		}
		return nil
	})
}

func decodeListen(ctx *kong.DecodeContext, target reflect.Value) error {
	return decodeHostPort(ctx, target, func(string, uint64) error { return nil })
}

func decodeHostPort(ctx *kong.DecodeContext, target reflect.Value, check func(host string, port uint64) error) error {
	var text string
	if err := ctx.Scan.PopValueInto("address", &text); err != nil {
		return err
	}
	host, portText, err := net.SplitHostPort(text)
	if err != nil {
		return fmt.Errorf("%q is no address of the form host:port", text)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return fmt.Errorf("%q is no address: the port is no number from 0 to 65535", text)
	}
	if strings.ContainsAny(host, " /@") {
		return fmt.Errorf("%q is no address: the host is wrong", text)
	}
	if err := check(host, port); err != nil {
		return fmt.Errorf("%q is no address to reach: %w", text, err)
	}
	target.SetString(text)
	return nil
}

func decodeHTTPURL(ctx *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := ctx.Scan.PopValueInto("URL", &text); err != nil {
		return err
	}
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" || (parsed.Scheme != "http" && parsed.Scheme != "https") {
		// The text is not quoted: a URL may carry a password.
		return fmt.Errorf("it is no http or https URL")
	}
	// Schemes are the same in capitals. Whoever looks at one need not know that.
	target.SetString(parsed.Scheme + text[len(parsed.Scheme):])
	return nil
}

func decodeSize(ctx *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := ctx.Scan.PopValueInto("size", &text); err != nil {
		return err
	}
	size, err := parseSize(text)
	if err != nil || size < 0 {
		return fmt.Errorf("%q is no size such as 1048576 or 1MiB", text)
	}
	target.SetInt(size)
	return nil
}

// parseSize reads an integer, or a number of bytes with a unit.
func parseSize(text string) (int64, error) {
	if plain, err := strconv.ParseInt(text, 10, 64); err == nil {
		return plain, nil
	}
	size, err := humanize.ParseBytes(text)
	if err != nil {
		return 0, err
	}
	if size > 1<<62 {
		return 0, fmt.Errorf("%q is too large", text)
	}
	return int64(size), nil
}
