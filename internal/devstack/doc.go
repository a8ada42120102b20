// Package devstack is the whole product on one machine: a Temporal server, a
// Consul agent, every service on SQLite, workers and the gateway, as child
// processes of one supervisor.
//
// `make run` serves it ([Run]); end-to-end and fault tests start it with free
// ports and a data folder of their own ([Start]). Before anything is started,
// the settings, the data folder and the addresses are checked, so that a wrong
// one is one clear line and leaves nothing half-started.
//
// Everything that is kept lies in the data folder: Temporal's database, one
// database per service, the development keys, the logs. Consul keeps nothing;
// services register again when it restarts.
//
// It is not a deployment: see docker-compose.yml for one.
package devstack
