export const look = { title: "Look inside", lead: "See what a text was chosen from." };
