package dev.bowline.files;

import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;

/// The process that has a [RunLock].
///
/// @param started when the process began: another may have its number since; empty where the system does not say
record LockOwner(String host, long pid, String started) {

    private static final Path LINUX_HOST_NAME = Path.of("/proc/sys/kernel/hostname");

    static LockOwner current() {
        return new LockOwner(thisHost(), ProcessHandle.current().pid(), started(ProcessHandle.current()));
    }

    static LockOwner of(JsonObject json) {
        return new LockOwner(json.requireString("host"), json.requireLong("pid"), json.requireString("started"));
    }

    JsonObject json() {
        return JsonObject.of().with("host", host).with("pid", pid).with("started", started);
    }

    /// False only if it is certain that the process has ended: one of another host cannot be seen from here.
    boolean mayLive() {
        return !host.equals(thisHost())
                || ProcessHandle.of(pid)
                        .filter(process -> started(process).equals(started))
                        .isPresent();
    }

    /// The host name, without a network look-up.
    private static String thisHost() {
        try {
            return Files.readString(LINUX_HOST_NAME).strip();
        } catch (IOException _) {
            String name = System.getenv("HOSTNAME");
            return Objects.requireNonNullElse(name == null ? System.getenv("COMPUTERNAME") : name, "this host");
        }
    }

    private static String started(ProcessHandle process) {
        return process.info().startInstant().map(Object::toString).orElse("");
    }

    @Override
    public String toString() {
        return "host %s, pid %d".formatted(host, pid);
    }
}
