package dev.bowline.distributed;

import dev.bowline.BowlineException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.net.Inet4Address;
import java.net.InetSocketAddress;
import java.nio.ByteOrder;

/// A listening TCP socket of Linux on one address, as the file descriptor that libtorch's store takes over. The store
/// itself would listen on every interface.
final class ListenSocket {

    private static final int AF_INET = 2;
    private static final int AF_INET6 = 10;
    private static final int SOCK_STREAM = 1;
    private static final int SOCK_CLOEXEC = 0x80000;
    private static final int SOL_SOCKET = 1;
    private static final int SO_REUSEADDR = 2;
    private static final int BACKLOG = 4096;
    private static final int EADDRINUSE = 98;
    private static final int EADDRNOTAVAIL = 99;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final MemoryLayout STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO = STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
    private static final MethodHandle SOCKET =
            function("socket", ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT);
    private static final MethodHandle OPTION = function(
            "setsockopt",
            ValueLayout.JAVA_INT,
            ValueLayout.JAVA_INT,
            ValueLayout.JAVA_INT,
            ValueLayout.ADDRESS,
            ValueLayout.JAVA_INT);
    private static final MethodHandle BIND =
            function("bind", ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT);
    private static final MethodHandle LISTEN = function("listen", ValueLayout.JAVA_INT, ValueLayout.JAVA_INT);
    private static final MethodHandle CLOSE = function("close", ValueLayout.JAVA_INT);

    private ListenSocket() {}

    private static MethodHandle function(String name, MemoryLayout... arguments) {
        return LINKER.downcallHandle(
                LINKER.defaultLookup().find(name).orElseThrow(),
                FunctionDescriptor.of(ValueLayout.JAVA_INT, arguments),
                Linker.Option.captureCallState("errno"));
    }

    /// Listens on one address.
    ///
    /// @return the file descriptor, which the caller owns
    /// @throws BowlineException if another process has the port, or if this machine does not have the address
    static int on(InetSocketAddress address) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(STATE);
            boolean isIpv4 = address.getAddress() instanceof Inet4Address;
            int socket = (int) SOCKET.invokeExact(state, isIpv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
            require(socket, state, address);
            MemorySegment on = arena.allocateFrom(ValueLayout.JAVA_INT, 1);
            MemorySegment name = isIpv4 ? ipv4(address, arena) : ipv6(address, arena);
            try {
                require(
                        (int) OPTION.invokeExact(state, socket, SOL_SOCKET, SO_REUSEADDR, on, Integer.BYTES),
                        state,
                        address);
                require((int) BIND.invokeExact(state, socket, name, (int) name.byteSize()), state, address);
                require((int) LISTEN.invokeExact(state, socket, BACKLOG), state, address);
                return socket;
            } catch (BowlineException e) {
                int _ = (int) CLOSE.invokeExact(state, socket);
                throw e;
            }
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static void require(int result, MemorySegment state, InetSocketAddress address) {
        if (result >= 0) {
            return;
        }
        int errno = (int) ERRNO.get(state, 0L);
        throw switch (errno) {
            // A launcher that chose the port may choose another one at the next start, and a port may become free.
            case EADDRINUSE ->
                new RankFailure(
                        "port %d of %s is taken, so rank 0 cannot serve the store there"
                                .formatted(
                                        address.getPort(), address.getAddress().getHostAddress()),
                        "choose another port for rank 0, or end the process that listens on it");
            case EADDRNOTAVAIL ->
                new BowlineException(
                        "rank 0 cannot serve the store at %s: this machine does not have the address"
                                .formatted(address.getAddress().getHostAddress()),
                        "give rank 0 to the machine with this address, or name the address of this machine");
            default ->
                new BowlineException(
                        "rank 0 cannot serve the store at %s: errno %d".formatted(address, errno),
                        "check the address and the permissions of the process");
        };
    }

    /// struct sockaddr_in: family, port and address in network order, 8 unused bytes.
    private static MemorySegment ipv4(InetSocketAddress address, Arena arena) {
        MemorySegment name = arena.allocate(16, Long.BYTES);
        name.set(ValueLayout.JAVA_SHORT, 0, (short) AF_INET);
        name.set(networkShort(), 2, (short) address.getPort());
        MemorySegment.copy(address.getAddress().getAddress(), 0, name, ValueLayout.JAVA_BYTE, 4, 4);
        return name;
    }

    /// struct sockaddr_in6: family, port, flow information, address, scope.
    private static MemorySegment ipv6(InetSocketAddress address, Arena arena) {
        MemorySegment name = arena.allocate(28, Long.BYTES);
        name.set(ValueLayout.JAVA_SHORT, 0, (short) AF_INET6);
        name.set(networkShort(), 2, (short) address.getPort());
        MemorySegment.copy(address.getAddress().getAddress(), 0, name, ValueLayout.JAVA_BYTE, 8, 16);
        return name;
    }

    private static ValueLayout.OfShort networkShort() {
        return ValueLayout.JAVA_SHORT.withOrder(ByteOrder.BIG_ENDIAN);
    }
}
