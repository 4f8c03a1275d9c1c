package dev.bowline.nn;

/// The moments at which the layers of a decoder compute, for parameters whose values are in this process only then.
///
/// Every call comes from the thread that runs the pass. The layers of a decoder are numbered from 0.
public interface LayerPasses {

    /// Nothing happens at any moment.
    LayerPasses NONE = new LayerPasses() {
        @Override
        public void begin() {}

        @Override
        public void beforeForward(int layer) {}

        @Override
        public void afterForward(int layer) {}

        @Override
        public void beforeBackward(int layer) {}
    };

    /// A forward pass begins, and needs the embedding.
    void begin();

    /// A layer is about to compute its output.
    void beforeForward(int layer);

    /// A layer has computed its output. The backward pass, if there is one, needs its values again.
    void afterForward(int layer);

    /// The gradient of a layer's output is known, and the layers after it have all their gradients. There is no such
    /// moment for a layer whose output requires no gradient.
    void beforeBackward(int layer);
}
