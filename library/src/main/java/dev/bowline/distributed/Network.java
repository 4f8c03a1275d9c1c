package dev.bowline.distributed;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The choice of the address at which the other ranks reach this rank.
public sealed interface Network {

    /// The variable that names an interface, an address or a network in CIDR notation.
    String VARIABLE = "BOWLINE_NETWORK";

    /// The address from which packets to rank 0 leave this machine.
    record TowardsMaster() implements Network {}

    /// The address of an interface, such as `eth0`.
    record Interface(String name) implements Network {}

    /// The address inside a network.
    ///
    /// @param prefix the leading bits that addresses share
    record Subnet(InetAddress address, int prefix) implements Network {}

    /// The choice of [#VARIABLE]; the way to rank 0 if it is not set.
    ///
    /// @throws BowlineException if the value is no interface and no network
    static Network of(Map<String, String> environment) {
        String chosen = environment.getOrDefault(VARIABLE, "").strip();
        if (chosen.isEmpty()) {
            return new TowardsMaster();
        }
        int slash = chosen.indexOf('/');
        boolean isAddress = chosen.matches("[0-9.]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*");
        if (slash < 0 && !isAddress) {
            return new Interface(chosen);
        }
        String address = slash < 0 ? chosen : chosen.substring(0, slash);
        try {
            InetAddress parsed = InetAddress.ofLiteral(address);
            int bits = 8 * parsed.getAddress().length;
            int prefix = slash < 0 ? bits : Integer.parseInt(chosen.substring(slash + 1));
            if (prefix >= 0 && prefix <= bits) {
                return new Subnet(parsed, prefix);
            }
        } catch (IllegalArgumentException _) {
            // Reported below.
        }
        throw new BowlineException(
                "%s is '%s', which is neither an interface nor a network".formatted(VARIABLE, chosen),
                "set it to the name of an interface, such as eth0, or to a network, such as 10.0.0.0/8");
    }

    /// This machine's address.
    ///
    /// @param master the address of rank 0
    /// @throws BowlineException if this machine has no such address
    default InetAddress localAddress(InetSocketAddress master) {
        return switch (this) {
            case TowardsMaster _ -> towards(master);
            case Interface(String name) ->
                addresses(name).stream()
                        .findFirst()
                        .orElseThrow(() -> new BowlineException(
                                "%s names the interface '%s', which this machine does not have or which has no address"
                                        .formatted(VARIABLE, name),
                                "name one of " + interfaces()));
            case Subnet subnet ->
                all().stream()
                        .filter(address -> isInside(address, subnet))
                        .findFirst()
                        .orElseThrow(() -> new BowlineException(
                                "%s is %s/%d, and this machine has no address in it"
                                        .formatted(VARIABLE, subnet.address().getHostAddress(), subnet.prefix()),
                                "name the network of one of " + interfaces()));
        };
    }

    private static InetAddress towards(InetSocketAddress master) {
        try (DatagramSocket socket = new DatagramSocket()) {
            socket.connect(master);
            return socket.getLocalAddress();
        } catch (IOException e) {
            throw new BowlineException(
                    "this machine has no way to rank 0 at %s: %s".formatted(master, e.getMessage()),
                    "check the address of rank 0, or name the interface with " + VARIABLE,
                    e);
        }
    }

    private static boolean isInside(InetAddress address, Subnet subnet) {
        byte[] one = address.getAddress();
        byte[] other = subnet.address().getAddress();
        if (one.length != other.length) {
            return false;
        }
        for (int bit = 0; bit < subnet.prefix(); bit++) {
            int mask = 0x80 >>> bit % 8;
            if (((one[bit / 8] ^ other[bit / 8]) & mask) != 0) {
                return false;
            }
        }
        return true;
    }

    private static List<InetAddress> addresses(String name) {
        try {
            return Optional.ofNullable(NetworkInterface.getByName(name)).stream()
                    .flatMap(NetworkInterface::inetAddresses)
                    .sorted(Network::version4First)
                    .toList();
        } catch (SocketException e) {
            throw unlisted(e);
        }
    }

    private static int version4First(InetAddress one, InetAddress other) {
        return Integer.compare(one.getAddress().length, other.getAddress().length);
    }

    private static List<InetAddress> all() {
        try {
            return Collections.list(NetworkInterface.getNetworkInterfaces()).stream()
                    .flatMap(NetworkInterface::inetAddresses)
                    .toList();
        } catch (SocketException e) {
            throw unlisted(e);
        }
    }

    private static String interfaces() {
        try {
            return NetworkInterface.networkInterfaces()
                    .map(one -> one.getName()
                            + one.inetAddresses()
                                    .map(InetAddress::getHostAddress)
                                    .toList())
                    .toList()
                    .toString();
        } catch (SocketException e) {
            throw unlisted(e);
        }
    }

    private static BowlineException unlisted(SocketException e) {
        return new BowlineException(
                "the network interfaces of this machine cannot be listed: " + e.getMessage(),
                "check the permissions of the process",
                e);
    }

    /// The address of a host.
    ///
    /// @throws UnknownHostException if no name server knows it now
    static InetAddress resolve(String host) throws UnknownHostException {
        InetAddress[] all = InetAddress.getAllByName(host);
        for (InetAddress address : all) {
            if (address.getAddress().length == 4) {
                return address;
            }
        }
        return all[0];
    }
}
