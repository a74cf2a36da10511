export * from 'typebox/type'
