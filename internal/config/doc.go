// Package config reads the settings of a process: one struct with kong tags
// describes flags, environment variables, defaults, limits and help.
//
// Every flag --some-name can also be given as the environment variable
// ORDERFLOW_SOME_NAME; the flag wins. An empty variable counts as not set. A
// wrong value ends the process at once with exit code 2 and one line that
// names the setting. With --check-settings a program does no more than that.
//
// Beside kong's own tags, a field may have:
//
//   - type:"address": a string host:port to dial;
//   - type:"listen": a string host:port to listen at, where the host may be
//     empty (all interfaces) and the port 0 (any free one);
//   - type:"httpurl": a string with an http or https URL;
//   - type:"size": an int64 of bytes, given as 1048576 or as 1MiB;
//   - min:"..." and max:"...": the limits of a number, duration or size. A
//     duration is never negative unless min says so.
//
// A default may contain ${program}, the name given to [Parse].
//
// Any embedded struct may have a Validate() error method for what tags cannot
// say, which kong calls; [Wrong] makes its error name the setting.
//
// Only main functions use this package. Everything else is given structs.
package config
