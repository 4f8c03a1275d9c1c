package dev.bowline.nn;

import dev.bowline.BowlineException;
import dev.bowline.tensor.CudaSupport;
import dev.bowline.tensor.Device;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A node of the model tree. Its path is its name in a Hugging Face state dict.
///
/// The root of the tree holds the device and the kernel policy; every layer below asks the root.
public abstract class Layer {

    private final String path;
    private @Nullable Layer parent;
    private Device device = Device.CPU;
    private Optional<KernelPolicy> chosenKernels = Optional.empty();
    private final List<Layer> children = new ArrayList<>();
    private final List<Slot> slots = new ArrayList<>();

    /// @param path the dotted name from the root; empty for the root itself
    protected Layer(String path) {
        this.path = path;
    }

    public final String path() {
        return path;
    }

    /// The dotted name of something inside this layer.
    protected final String path(String name) {
        return path.isEmpty() ? name : path + "." + name;
    }

    protected final <L extends Layer> L child(L layer) {
        children.add(layer);
        ((Layer) layer).parent = this;
        return layer;
    }

    private Layer root() {
        Layer root = this;
        while (root.parent != null) {
            root = root.parent;
        }
        return root;
    }

    /// The device of every value of the tree: the CPU until [#to(Device)].
    public final Device device() {
        return root().device;
    }

    /// Moves every value of the tree to `device`. Values that are materialized later are placed there too. Ties
    /// stay: the tensor objects are the same and only their data is replaced. Call it on the root.
    ///
    /// @throws BowlineException if this process cannot use the device, or if the chosen kernels do not run on it
    public final void to(Device device) {
        requireRoot();
        CudaSupport.ofThisProcess().require(device);
        chosenKernels.ifPresent(kernels -> requireSupported(kernels, device));
        parameters().values().forEach(parameter -> parameter.to(device));
        this.device = device;
    }

    /// The kernels that this layer runs: those chosen for the tree, or those for its device.
    public final KernelPolicy kernels() {
        Layer root = root();
        return root.chosenKernels.orElseGet(() -> KernelPolicy.of(root.device));
    }

    /// Chooses the kernels of the tree. Call it on the root.
    ///
    /// @throws BowlineException if they do not run on the device of the tree
    public final void useKernels(KernelPolicy kernels) {
        requireRoot();
        requireSupported(kernels, device);
        chosenKernels = Optional.of(kernels);
    }

    private void requireRoot() {
        if (parent != null) {
            throw new IllegalStateException("'%s' is inside another layer: ask the root of the tree".formatted(path));
        }
    }

    private static void requireSupported(KernelPolicy kernels, Device device) {
        if (kernels == KernelPolicy.FUSED_CPU && !device.isCpu()) {
            throw new BowlineException(
                    "the kernel policy FUSED_CPU runs on the CPU only, and the device is %s".formatted(device),
                    "use the kernel policy LIBTORCH, or the device cpu");
        }
    }

    /// Replaces the child `old`; nothing in the tree reaches `old` afterwards. The caller re-ties each slot that
    /// was tied to a slot of `old`.
    protected final <L extends Layer> L replaceChild(Layer old, L replacement) {
        if (!Collections.replaceAll(children, old, replacement)) {
            throw new IllegalArgumentException("'%s' is not a child of '%s'".formatted(old.path, path));
        }
        replacement.to(device());
        ((Layer) old).parent = null;
        ((Layer) replacement).parent = this;
        return replacement;
    }

    /// Removes a child that another tree takes over. The caller re-ties each slot that was tied to a slot of the
    /// child.
    protected final void removeChild(Layer child) {
        if (!children.remove(child)) {
            throw new IllegalArgumentException("'%s' is not a child of '%s'".formatted(child.path, path));
        }
        child.device = device();
        child.parent = null;
    }

    protected final Slot weight(String name, long... shape) {
        return slot(name, SlotRole.BASE, shape);
    }

    protected final Slot buffer(String name, long... shape) {
        return slot(name, SlotRole.BUFFER, shape);
    }

    private Slot slot(String name, SlotRole role, long... shape) {
        Slot slot = new Slot(path(name), role, shape);
        slots.add(slot);
        return slot;
    }

    public final List<Layer> children() {
        return Collections.unmodifiableList(children);
    }

    /// Every slot below this layer by path, in tree order.
    public final Map<String, Slot> slots() {
        Map<String, Slot> all = new LinkedHashMap<>();
        collect(all);
        return all;
    }

    /// The slots of one role below this layer by path, in tree order.
    public final Map<String, Slot> slots(SlotRole role) {
        Map<String, Slot> chosen = slots();
        chosen.values().removeIf(slot -> slot.role() != role);
        return chosen;
    }

    /// The slots of this layer itself, without the slots of its children.
    List<Slot> ownSlots() {
        return slots;
    }

    /// Every [Linear] below this layer by path, in tree order: projections, heads, routers, and one per expert of a
    /// [LinearStack].
    public final Map<String, Linear> linears() {
        return below(Linear.class);
    }

    /// Every [Embedding] below this layer by path, in tree order.
    public final Map<String, Embedding> embeddings() {
        return below(Embedding.class);
    }

    /// Every [RmsNorm] below this layer by path, in tree order.
    public final Map<String, RmsNorm> norms() {
        return below(RmsNorm.class);
    }

    private <L extends Layer> Map<String, L> below(Class<L> type) {
        Map<String, L> all = new LinkedHashMap<>();
        collectLayers(type, all);
        return all;
    }

    private <L extends Layer> void collectLayers(Class<L> type, Map<String, L> all) {
        if (type.isInstance(this)) {
            all.put(path, type.cast(this));
        }
        children.forEach(child -> child.collectLayers(type, all));
    }

    /// Every [LinearStack] below this layer by path, in tree order.
    public final Map<String, LinearStack> linearStacks() {
        return below(LinearStack.class);
    }

    /// Every [GatedExperts] below this layer by path, in tree order.
    public final Map<String, GatedExperts> gatedExperts() {
        return below(GatedExperts.class);
    }

    private void collect(Map<String, Slot> all) {
        for (Slot slot : ownSlots()) {
            Slot other = all.putIfAbsent(slot.path(), slot);
            if (other != null && other != slot) {
                throw new IllegalStateException("two slots are called '%s'".formatted(slot.path()));
            }
        }
        children.forEach(child -> child.collect(all));
    }

    /// Every value below this layer by the path of the slot that owns it. A value that several slots reach is
    /// listed once.
    public final Map<String, Parameter> parameters() {
        Map<String, Parameter> distinct = new LinkedHashMap<>();
        slots().forEach((name, slot) -> {
            if (!slot.isTied()) {
                distinct.put(name, slot.get());
            }
        });
        return distinct;
    }

    /// Every value that the optimizer may update, each once.
    public final Map<String, Parameter> trainable() {
        Map<String, Parameter> trained = new LinkedHashMap<>();
        parameters().forEach((name, parameter) -> {
            if (parameter.requiresGrad()) {
                trained.put(name, parameter);
            }
        });
        return trained;
    }
}
