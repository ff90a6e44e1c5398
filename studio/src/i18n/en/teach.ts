export const teach = { title: "Teach", lead: "Give the model your own books to learn from." };
